/** Texts to rows of numbers, row-major: texts.length × dimensions. */
export interface SentenceEncoder {
  readonly dimensions: number
  /** Start of the SHA-256 of the files that decide what a row is: two encoders with one fingerprint give the same rows. */
  readonly fingerprint: string
  embed(texts: readonly string[]): Promise<Float32Array>
}

/** A message of a conversation with a language model. */
export interface ChatMessage {
  readonly role: 'system' | 'user'
  readonly content: string
}

/** A language model on this machine. */
export interface CausalModel {
  /**
   * Logits of the labels as what the model says next, row-major questions × labels. Of labels of several tokens, those that they
   * begin with in common are put into its mouth. A question too long for the model loses its end.
   */
  labelLogits(
    questions: readonly string[],
    messagesOf: (question: string) => readonly ChatMessage[],
    labels: readonly string[],
  ): Promise<Float32Array>
}

/** Texts to labels. */
export interface SequenceClassifier {
  readonly labels: readonly string[]
  /** Row-major texts × labels, each text by itself. */
  logits(texts: readonly string[]): Promise<Float32Array>
}

/** Neural models on this machine in the Hugging Face ONNX layout; io opens them, each on first use. */
export interface LocalModels {
  /** A folder whose tokenizer may have a chat template. */
  causalModel(folder: string): Promise<CausalModel>
  /** A hub id or a folder, with `@q8` or another quantisation behind it. Pooled and normalised as the model card says. */
  sentenceEncoder(source: string): Promise<SentenceEncoder>
  /** A folder. */
  sequenceClassifier(folder: string): Promise<SequenceClassifier>
}

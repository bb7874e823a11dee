// Loaded on first use, as a file of its own: a bundle gives a dynamically imported CommonJS package no named exports.
import { Composer, type Document, Lexer, LineCounter, Parser, YAMLParseError } from 'yaml'

export { type Document, isAlias, isMap, isPair, isScalar, isSeq, parseDocument, stringify, visit } from 'yaml'

/** Each level is some frames of the stack, and where that ends within a regular expression, so does the process. */
const MOST_LEVELS = 200

/** The first document of a text, its errors with offsets alone, and the line and column of an offset, from 1. */
export function parseWithin(text: string): {
  readonly document: Document
  placeOf(offset: number): { readonly line: number; readonly col: number }
} {
  const lines = new LineCounter()
  const composer = new Composer({ prettyErrors: false, merge: true })
  const found: Document[] = []
  const tooDeep: YAMLParseError[] = []
  for (const document of composer.compose(tokens(), true, text.length)) {
    if (found.push(document) > 1) break
  }
  const [document, second] = found
  if (second) {
    document!.errors.push(
      new YAMLParseError([second.range![0], second.range![0]], 'MULTIPLE_DOCS', 'several documents'),
    )
  }
  if (tooDeep.length > 0) document!.errors = tooDeep
  return { document: document!, placeOf: lines.linePos }

  function* tokens() {
    const parser = new Parser(lines.addNewLine)
    lines.addNewLine(0)
    for (const lexeme of new Lexer().lex(text)) {
      yield* parser.next(lexeme)
      if (parser.stack.length > MOST_LEVELS) {
        tooDeep.push(new YAMLParseError([parser.offset, parser.offset], 'RESOURCE_EXHAUSTION', 'nested too deeply'))
        return
      }
    }
    yield* parser.end()
  }
}

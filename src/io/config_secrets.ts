import { printable } from '../registry.ts'

/** Keys as providers write them, tokens of web logins, and authorization values. */
const KEY = new RegExp(
  [
    String.raw`\bsk-[\w-]{6,}`,
    String.raw`\b(?:sk|pk|rk)_(?=\w*\d)\w{12,}`,
    String.raw`\b(?:gsk|hf|r8|tgp|ghp|gho|glpat|pplx|xai|nvapi|fw|csk|lsv2|llmr)[-_](?=[\w-]*\d)[\w-]{16,}`,
    String.raw`\bAIza[\w-]{20,}`,
    String.raw`\bAKIA[0-9A-Z]{12,}`,
    String.raw`\beyJ[\w-]{8,}\.[\w-]{8,}`,
    String.raw`\b(?:Bearer|Basic) +(?=[\w.+/=-]*\d)[\w.+/=-]{8,}`,
  ].join('|'),
  'g',
)

/** Names of settings and headers under which no text is ever shown; which header carries a key may be. */
const SECRET_NAME = /^(?!key_header$).*(key|token|secret|passw|auth|cred|cookie)/i

/** Where something that looks like a key stands in a text, as indexes. */
export function placesOfKeys(text: string): number[] {
  return [...text.matchAll(KEY)].map(({ index }) => index)
}

/** A text of the file as it may stand in a message: short, without control characters and without keys. */
export function safelyPrintable(text: string): string {
  return printable(text.replace(KEY, '…'))
}

/** Whether texts under such a name are kept out of messages. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

/**
 * Whether a text can be the name of an environment variable, and is not a key that happens to look like one: those mix
 * small letters with digits at length.
 */
export function isVariableName(text: string): boolean {
  return (
    /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(text) &&
    !/^(?=.*[a-z])(?=.*\d).{20,}$/.test(text) &&
    placesOfKeys(text).length === 0
  )
}

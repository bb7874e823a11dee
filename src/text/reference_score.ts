import { finalAnswer, finalNumber } from './final_answer.ts'

/** How an answer is held against a reference. `regex` is for whoever has an engine. */
export type ReferenceMethod = 'exact' | 'numeric' | 'contains'

/** Share by which numbers may differ, for those that are rounded in the last digit. */
const TOLERANCE = 1e-6

/**
 * 1 where the answer agrees with the reference, else 0:
 * - `exact`: both come to the same by `finalAnswer`;
 * - `numeric`: their final numbers are equal to 1e-6 of the larger;
 * - `contains`: the reference stands in the answer, case and white space aside.
 */
export function scoreByReference(method: ReferenceMethod, answer: string, reference: string): 0 | 1 {
  switch (method) {
    case 'exact':
      return finalAnswer(answer) === finalAnswer(reference) ? 1 : 0
    case 'contains':
      return folded(answer).includes(folded(reference)) ? 1 : 0
    case 'numeric': {
      const [a, b] = [finalNumber(answer), finalNumber(reference)]
      // Never so where one of them is NaN.
      return Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b)) ? 1 : 0
    }
  }
}

function folded(text: string): string {
  return text.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase()
}

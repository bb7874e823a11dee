// Loaded on first use, as a file of its own: a bundle gives a dynamically imported CommonJS package no named exports.
export {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
} from 'yaml'

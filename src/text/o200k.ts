// Loaded on first use, as a file of its own: it is 2 MB and takes a quarter of a second.
export { countTokens } from 'gpt-tokenizer/encoding/o200k_base'

// Loaded on first use, as a file of its own. Matches in time linear in the text, whatever the pattern.
export { RE2JS } from 're2js'

import { Chalk, type ChalkInstance } from 'chalk'

/** Colours for a stream: on for a terminal, off where NO_COLOR is set (no-color.org); FORCE_COLOR overrules both. */
export function createColors(stream: { readonly isTTY?: boolean }): ChalkInstance {
  const { FORCE_COLOR: force, NO_COLOR: no, TERM: term } = process.env
  const isForced = force !== undefined && force !== '' && force !== '0' && force !== 'false'
  const isOn = isForced || (stream.isTTY === true && !no && force !== '0' && force !== 'false' && term !== 'dumb')
  return new Chalk({ level: isOn ? 1 : 0 })
}

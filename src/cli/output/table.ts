/** How a table looks. */
export interface TableOptions {
  /** Whether the first row is a header, set off by a rule. Default false. */
  readonly header?: boolean
  /** Indexes of the columns that are flush right, as numbers are. */
  readonly right?: readonly number[]
  /** Called with each padded cell, so that colours do not disturb the widths. */
  readonly style?: (cell: string, row: number, column: number) => string
}

/** Rows of cells as aligned plain text, two spaces between columns, no space at the end of a line, a newline at the end. */
export function renderTable(rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  const columns = Math.max(0, ...rows.map(row => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map(row => widthOf(row[column] ?? ''))),
  )
  const lines = rows.map((row, r) =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? ''
        const space = ' '.repeat(width - widthOf(cell))
        const isLast = column === columns - 1
        const padded = options.right?.includes(column) ? space + cell : isLast ? cell : cell + space
        return options.style ? options.style(padded, r, column) : padded
      })
      .join('  ')
      .trimEnd(),
  )
  if (options.header) lines.splice(1, 0, widths.map(width => '─'.repeat(width)).join('  '))
  return lines.map(line => `${line}\n`).join('')
}

/** Characters, not UTF-16 units. */
function widthOf(text: string): number {
  return [...text].length
}

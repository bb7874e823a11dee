import { Box, Text } from 'ink'

/** What the live view shows at one moment. */
export interface EvalViewProps {
  readonly head: string
  /** The table so far, as it will be printed at the end. */
  readonly table: string
  /** What is going on, and how much of it is done (0..1). */
  readonly status: string
  readonly done: number
}

const BAR = 24

/** The table while it fills in, with a bar for the whole below it. What is wider than the terminal is cut off. */
export function EvalView({ head, table, status, done }: EvalViewProps) {
  const filled = Math.round(BAR * done)
  const [header, rule, ...lines] = table.trimEnd().split('\n')
  return (
    <Box flexDirection="column">
      <Text>{`${head.trimEnd()}\n`}</Text>
      <Text wrap="truncate">{header}</Text>
      <Text wrap="truncate">{rule}</Text>
      {lines.map(line => (
        <Text key={line} wrap="truncate">
          {line}
        </Text>
      ))}
      <Text>
        <Text color="cyan">{'━'.repeat(filled)}</Text>
        <Text dimColor>{'━'.repeat(BAR - filled)}</Text> {status}
      </Text>
    </Box>
  )
}

// What the compatibility table shows: its rows by text, status and family.

/** In the order of the buttons. */
export const STATUSES = ['equal', 'newer', 'differs', 'untested', 'missing']

/** The commands of a status and a family (empty: any) in which every word of the text is found: in the name, the family, the syntax, an option or a note. */
export function filtered(commands, { text, status, group }) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean)
  const found = (command) => {
    const said = `${command.name} ${command.group} ${command.syntax} ${command.options.map(([name]) => name).join(' ')} ${command.differs ?? ''}`.toLowerCase()
    return wanted.every((word) => said.includes(word))
  }
  return commands.filter((command) => (!status || command.status === status) && (!group || command.group === group) && found(command))
}

/** How many commands there are of each status. */
export function tally(commands) {
  const counts = Object.fromEntries(STATUSES.map((status) => [status, 0]))
  for (const { status } of commands) counts[status]++
  return counts
}

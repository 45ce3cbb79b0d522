// The lines typed before, kept in the browser from visit to visit.

const LIMIT = 200

/** Moves through past lines as a shell does; the line being typed waits at the end. */
export class History {
  /** `load()` returns the stored text or null, `save(text)` keeps it. */
  constructor({ load, save }) {
    this.save = save
    this.lines = parse(load())
    this.at = this.lines.length
    this.draft = ''
  }

  /** Adds a line, but no repetition of the last one and nothing that carries a password. */
  add(line) {
    if (line.trim() && line !== this.lines.at(-1) && !isSecret(line)) {
      this.lines = [...this.lines, line].slice(-LIMIT)
      this.save(JSON.stringify(this.lines))
    }
    this.at = this.lines.length
    this.draft = ''
  }

  /** Returns the line before, or null at the first. `current` is what stands in the input. */
  older(current) {
    if (this.at === 0) return null
    if (this.at === this.lines.length) this.draft = current
    return this.lines[--this.at]
  }

  /** Returns the line after, at last the one that was being typed; null if there is none. */
  newer() {
    if (this.at >= this.lines.length) return null
    this.at++
    return this.lines[this.at] ?? this.draft
  }
}

function parse(text) {
  try {
    const lines = JSON.parse(text ?? '[]')
    return Array.isArray(lines) ? lines.filter((line) => typeof line === 'string').slice(-LIMIT) : []
  } catch {
    return []
  }
}

const isSecret = (line) => /^\s*(auth|hello\b.*\bauth|acl\s+setuser|config\s+set\b.*(requirepass|masterauth)|migrate\b.*\bauth2?)\b/i.test(line)

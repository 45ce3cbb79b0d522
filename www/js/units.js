// Words for sizes and times.

/** Returns e.g. `512 B`, `1.2 KB`, `34 MB`. */
export function bytes(n) {
  if (n === null || n === undefined || !Number.isFinite(Number(n))) return '–'
  let value = Number(n)
  const units = ['B', 'KB', 'MB', 'GB']
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** Returns what is left of a time to live, in its two largest units: `9s`, `4m 12s`, `3h 20m`, `5d 4h`. */
export function timeLeft(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000))
  if (s < 60) return `${s}s`
  if (s < 3600) return `${Math.floor(s / 60)}m ${String(s % 60).padStart(2, '0')}s`
  if (s < 86400) return `${Math.floor(s / 3600)}h ${String(Math.floor((s % 3600) / 60)).padStart(2, '0')}m`
  return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`
}

/** Returns a moment as a name for files: `2026-11-26-0931`, in local time. */
export function clock(date) {
  const two = (n) => String(n).padStart(2, '0')
  return [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate()), two(date.getHours()) + two(date.getMinutes())].join('-')
}

/** Returns milliseconds with as many digits as matter: `0.8`, `12`, `340`. */
export function millis(ms) {
  return ms < 10 ? ms.toFixed(1) : String(Math.round(ms))
}

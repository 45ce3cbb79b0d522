// Runs a table of parts one after the other: a heading, the part's own output, its duration and its counts.
import { run, seconds } from './process.mjs'

/**
 * A part is `{ name, command: [program, ...args], env?, counts? }`; `counts` reads the output.
 * Returns the parts with `result`: `{ passed, failed, skipped, time }`. A part that breaks without naming a failed
 * test, and one that should run tests and runs none, count as one failure: silence is not success.
 */
export async function runParts(parts) {
  const done = []
  for (const part of parts) done.push({ ...part, result: await runPart(part) })
  return done
}

async function runPart({ name, command: [program, ...args], env, counts }) {
  const start = Date.now()
  console.log(`\n── ${name}: ${[program, ...args].join(' ')}`)
  const { code, output } = await run(program, args, { env })
  const result = counts ? counts(output) : { passed: 0, failed: 0, skipped: 0 }
  const ranNothing = counts && result.passed + result.failed + result.skipped === 0
  if ((code !== 0 && result.failed === 0) || ranNothing) result.failed += 1
  if (result.failed) result.why = failures(output)
  const verdict = ranNothing ? 'ran no test' : result.failed ? 'FAILED' : 'ok'
  const sums = counts ? ` (${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped)` : ''
  console.log(`── ${name}: ${verdict}${sums}, ${seconds(start)}`)
  return { ...result, time: seconds(start) }
}

/** How much is repeated of a part that failed (lines). */
const REPEATED = 80

/** What an output says of failed tests: what Node's and Rust's harnesses collect at its end; else the end itself. */
function failures(output) {
  const lines = output.trimEnd().split('\n')
  const from = lines.findIndex((line) => /^(✖ failing tests:|failures:)$/.test(line))
  return from < 0 ? lines.slice(-20).join('\n') : lines.slice(from, from + REPEATED).join('\n')
}

/** Counts of Rust's test harness and of wasm-bindgen-test: one `test result:` line per binary. */
export function rustCounts(output) {
  const sum = { passed: 0, failed: 0, skipped: 0 }
  for (const [, passed, failed, ignored] of output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm)) {
    sum.passed += Number(passed)
    sum.failed += Number(failed)
    sum.skipped += Number(ignored)
  }
  return sum
}

/** Counts of `node --test --test-reporter=spec`, from the lines it closes with. */
export function nodeCounts(output) {
  const count = (word) => Number(new RegExp(`^ℹ ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0)
  return { passed: count('pass'), failed: count('fail') + count('cancelled'), skipped: count('skipped') + count('todo') }
}

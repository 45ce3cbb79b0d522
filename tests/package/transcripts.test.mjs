// Runs every transcript on the built package in Node.

import { test } from 'node:test'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../tools/process.mjs'
import { judge, portable, readCases, runSteps } from '../tools/transcripts.mjs'

const packageUrl = pathToFileURL(join(root, 'pkg/dist/index.js')).href

for (const each of readCases()) {
  test(each.title, { skip: each.leftOut }, async () => judge(each, await runSteps(portable(each.steps), packageUrl)))
}

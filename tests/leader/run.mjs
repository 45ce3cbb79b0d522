// `npm run test:leader`: the server is killed TABDIS_KILLS (50) times while browsers with 2, 4 and 8 tabs push to it.

import { startBrowser } from '../package/browser.mjs'
import { main } from '../tools/process.mjs'
import { loadPages } from './load.mjs'
import { startLeader, token } from './server.mjs'

async function run() {
  const kills = Number(process.env.TABDIS_KILLS ?? 50)
  const rows = []
  for (const [pages, tabs] of [[1, 2], [2, 2], [2, 4]]) {
    const site = await startBrowser()
    const leader = await startLeader({ origins: [site.address] })
    try {
      const onKill = (n) => process.stdout.write(`\r${pages} × ${tabs} tabs: killed ${n + 1} of ${kills} times`)
      rows.push({ browsers: pages, tabs: pages * tabs, ...(await loadPages({ site, leader, token: token('default'), kills, pages, tabs, onKill })) })
    } finally {
      await site.stop()
      await leader.stop()
    }
    console.log(`\r${JSON.stringify(rows.at(-1))}`)
  }
  console.table(rows)
  process.exitCode = rows.some(({ lost, doubled, unanswered }) => lost + doubled + unanswered > 0) ? 1 : 0
}

await main(import.meta, run)

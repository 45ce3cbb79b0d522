// `npm run compat`: writes www/compat.json again, from the rows and from what a real redis-server answers to the transcripts.
import { main, must, step } from './process.mjs'
import { setupTests } from './setup.mjs'

await main(import.meta, async () => {
  const { redisServer } = await setupTests()
  const env = { TABDIS_COMPAT: '1', REDIS_SERVER: redisServer }
  const oracle = () => must('cargo', ['test', '--features', 'server', '--test', 'oracle'], { env })
  console.log((await step('asking redis-server', oracle)).split('\n').find((line) => line.startsWith('www/compat.json')))
})

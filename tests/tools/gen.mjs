// `npm run gen`: writes the generated files again. The tidy test compares them, and writes them when it is told to.
import { main, must } from './process.mjs'

await main(import.meta, async () => {
  console.log(await must('cargo', ['test', '--features', 'server', '--test', 'tidy'], { env: { TABDIS_GEN: '1' } }))
})

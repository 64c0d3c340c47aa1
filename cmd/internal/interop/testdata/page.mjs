// A page of a browser for the scripts beside it: what they all need of it.
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'

const require = createRequire(process.env.MODULES + '/')
const { chromium } = require('playwright-core')

export const say = (...words) => console.log(words.join(' '))
export const lines = () => createInterface({ input: process.stdin })

// open shows a page from a secure origin with media.js and, if there is a
// BUNDLE, that script in it. kill ends the browser without a word to anybody.
export const open = async () => {
  const scripts = { '/media.js': readFileSync(new URL('media.js', import.meta.url)) }
  if (process.env.BUNDLE) scripts['/bundle.js'] = readFileSync(process.env.BUNDLE)
  const html = '<!doctype html>' + Object.keys(scripts).map(s => `<script src="${s}"></script>`).join('')
  const server = createServer((req, res) => {
    const script = scripts[req.url]
    res.setHeader('Content-Type', script ? 'text/javascript' : 'text/html').end(script || html)
  })
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  const chromiumServer = await chromium.launchServer({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--ignore-certificate-errors', '--autoplay-policy=no-user-gesture-required',
      '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  })
  const page = await (await chromium.connect(chromiumServer.wsEndpoint())).newPage()
  page.on('pageerror', e => say('fault', String(e)))
  await page.exposeFunction('say', say)
  await page.goto(`http://127.0.0.1:${server.address().port}/`)
  const close = async () => { await chromiumServer.close(); server.close() }
  return { page, close, kill: () => chromiumServer.kill() }
}

// A browser with JsSIP on a WebSocket: registers, calls with a description of
// SIZE octets, is called, and says what it sent and got.
import { lines, open, say } from './page.mjs'

const { page, close } = await open()
await page.evaluate(([socket, size]) => {
  const hash = async text => {
    const bytes = new TextEncoder().encode(text)
    const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
    return bytes.length + ' ' + Array.from(sum, b => b.toString(16).padStart(2, '0')).join('')
  }
  const ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(socket)], uri: 'sip:alice@class5.test', password: 'none', session_timers: false })
  ua.on('registered', () => say('registered'))
  ua.on('registrationFailed', e => say('fault', e.cause))
  ua.on('newRTCSession', async ({ originator, session, request }) => {
    if (originator !== 'remote') return
    say('got', await hash(request.body))
    session.terminate({ status_code: 486 })
  })
  ua.start()
  window.dial = () => {
    const audio = new AudioContext()
    const stream = audio.createMediaStreamDestination().stream
    const session = ua.call('sip:bob@class5.test', {
      mediaStream: stream,
      eventHandlers: { failed: e => say('ended', e.cause) },
    })
    session.on('sdp', e => {
      if (e.originator !== 'local') return
      const pad = 'a=x-pad:' + 'class5'.repeat(20) + '\r\n'
      while (e.sdp.length + pad.length < size) e.sdp += pad
      hash(e.sdp).then(h => say('sent', h))
    })
  }
}, [process.env.SOCKET, Number(process.env.SIZE)])
say('started')

for await (const line of lines()) {
  if (line === 'dial') await page.evaluate(() => window.dial())
  else break
}
await close()

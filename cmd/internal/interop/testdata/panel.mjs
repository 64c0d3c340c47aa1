// Drives the panel as a person would. It talks to the Go test line by line:
// every line out is "name value", every line in says that the next step may begin.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const { MODULES, BASE, ADMIN, SHOTS } = process.env;
const require = createRequire(MODULES + '/');
const { chromium } = require('playwright-core');
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const said = async () => { await lines.next(); };
process.stdout.on('error', () => process.exit(1)); // the test is gone
const say = (name, value = '') => process.stdout.write(`${name} ${value}\n`);

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
const page = await context.newPage();
page.on('console', m => { if (m.type() === 'error') say('console', m.text()); });
page.on('pageerror', e => say('console', e.message));
page.on('request', r => { if (!r.url().startsWith(BASE) && !r.url().startsWith('data:')) say('foreign', r.url()); });

const judge = async name => {
  await page.evaluate(axeSource);
  const result = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
  for (const v of result.violations) say('axe', `${name}: ${v.id} ${v.impact} ${v.nodes.length} ${v.nodes[0].html.slice(0, 120)}`);
  say('judged', name);
  await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true });
};

process.on('unhandledRejection', async e => {
  say('fault', String(e.message).split('\n')[0] + ' at ' + page.url());
  await page.screenshot({ path: `${SHOTS}/fault.png` }).catch(() => {});
  process.exit(1);
});
process.on('uncaughtException', async e => {
  say('fault', String(e.message).split('\n')[0] + ' at ' + page.url());
  await page.screenshot({ path: `${SHOTS}/fault.png` }).catch(() => {});
  process.exit(1);
});

await page.goto(BASE + '/');
await judge('login');
await page.fill('input[name=name]', 'admin');
await page.fill('input[name=password]', 'wrong password');
await page.click('main button');
await page.waitForSelector('[role=alert]');
await page.fill('input[name=name]', 'admin');
await page.fill('input[name=password]', ADMIN);
await page.click('main button');
await page.waitForSelector('#figures');
await judge('overview');

await page.goto(BASE + '/subscribers/new');
await judge('subscriber-new');
await page.fill('input[name=username]', 'carol');
await page.fill('input[name=display_name]', 'Carol <b>"&');
await page.fill('textarea[name=numbers]', '+1 202 555 0103');
await page.click('main form.card button');
await page.waitForSelector('#secret');
say('password', await page.innerText('#secret'));
await judge('subscriber-password');
await page.goto(BASE + '/subscribers');
await judge('subscribers');

// The overview stays open: what happens now must show without a reload.
await page.goto(BASE + '/');
await page.evaluate(() => { globalThis.stayed = true; });
say('ready');
await said();
await page.waitForSelector('#bindings >> text=carol@', { timeout: 10000 });
say('registered');
await said();
await page.waitForSelector('#calls >> text=carol@', { timeout: 10000 });
if (!await page.evaluate(() => globalThis.stayed === true)) say('fault', 'the page was loaded again');
await judge('overview-call');
await page.click('#calls a');
await page.waitForSelector('h1');
await judge('call-live');
await page.goto(BASE + '/');
say('calling');
await said();
await page.waitForSelector('#ended a', { timeout: 20000 });
await page.click('#ended a');
await page.waitForSelector('svg');
await judge('call');
say('page', JSON.stringify(await page.innerText('main')));
await page.emulateMedia({ colorScheme: 'dark' });
await page.waitForTimeout(500); // colours change gradually
await judge('call-dark');
await page.setViewportSize({ width: 320, height: 700 });
await judge('call-320');
if (await page.evaluate(() => document.documentElement.scrollWidth > 330)) say('fault', 'the call page scrolls sideways at 320 pixels');
for (const path of ['calls', 'customers', 'domains', 'billing', 'specials']) {
  await page.goto(`${BASE}/${path}`);
  await judge(path);
}

// Without JavaScript forms still work.
const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await context.storageState() });
const form = await plain.newPage();
await form.goto(BASE + '/domains');
await form.goto(BASE + '/domains/new');
await form.fill('input[name=name]', 'nojs.example.com');
await Promise.all([form.waitForNavigation(), form.click('main form.card button')]);
await form.goto(BASE + '/domains');
say('nojs', String((await form.innerText('main')).includes('nojs.example.com')));
await browser.close();
say('done');

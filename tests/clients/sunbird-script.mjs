// Sunbird's older SDKs under Node: they make events and hand them to a dispatcher; the service posts them itself.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { TALLY_URL, TALLY_KEY } = process.env;
const sdk = process.argv[2];
const calls = JSON.parse(readFileSync('sunbird-calls.json'));
const telemetry = createRequire(import.meta.url)(sdk);

const events = [];
const dispatcher = { dispatch: (event) => events.push(structuredClone(event)) };
const config = { ...calls.config, runningEnv: 'server', dispatcher };
telemetry.start(config, 'do_3122', '1.0', { type: 'content', mode: 'play' });
for (const [method, data] of Object.entries(calls.arguments)) telemetry[method](data);
telemetry.end({ type: 'content', mode: 'play', pageid: 'last', summary: [{ progress: 100 }] });

const answer = await fetch(`${TALLY_URL}/action/data/v3/telemetry`, {
  method: 'POST',
  headers: { Authorization: `Bearer ${TALLY_KEY}`, 'Content-Type': 'application/json' },
  body: JSON.stringify({ id: 'api.sunbird.telemetry', ver: '3.0', params: { msgid: 'batch-1' }, ets: Date.now(), events }),
});
process.stdout.write(`\n${JSON.stringify({ status: answer.status })}\n`);

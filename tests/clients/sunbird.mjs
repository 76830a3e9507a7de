// Sunbird's SDK under Node, as a service uses it: one of the scenarios below, by name.
import { readFileSync } from 'node:fs';
import { $t } from '@project-sunbird/telemetry-sdk';

const { TALLY_URL, TALLY_KEY } = process.env;
const calls = JSON.parse(readFileSync('sunbird-calls.json'));
const config = { ...calls.config, host: TALLY_URL, authtoken: TALLY_KEY };
const arguments_ = calls.arguments;

// What the SDK's own validation lets pass of them: no wrapping, and the fields of its schema alone.
const { itype, stageto, ...impression } = arguments_.impression;
const { qid, ...response } = arguments_.response;
const { index, ...assess } = arguments_.assess;
const { envsummary, ...summary } = arguments_.summary.edata;
const validated = {
  ...arguments_, impression, response, assess, summary,
  audit: arguments_.audit.edata, heartbeat: arguments_.heartbeat.edata, metrics: arguments_.metrics.edata,
  exdata: { type: 'partner', data: 'Zm9v' },
};

const queue = $t._syncManager;

const scenarios = {
  // All seventeen methods, in batches of five: three full ones, and the rest with END.
  async everything() {
    await $t.start({ ...config, batchsize: 5 }, 'do_3122', '1.0', { type: 'content', mode: 'play' });
    for (const [method, data] of Object.entries(arguments_)) $t[method](data);
    $t.end({ type: 'content', mode: 'play', pageid: 'last', summary: [{ progress: 100 }] });
  },

  // The same with the SDK's own validation, which drops what it holds for faulty.
  async validated() {
    await $t.start({ ...config, enableValidation: true }, 'do_3122', '1.0', { type: 'content', mode: 'play' });
    for (const [method, data] of Object.entries(validated)) $t[method](data);
    $t.end({ type: 'content', mode: 'play', pageid: 'last', summary: [{ progress: 100 }] });
  },

  // The application mends its key while the SDK waits before it tries again.
  async mended() {
    $t.initialize({ ...config, authtoken: process.env.WRONG_KEY });
    $t.log(arguments_.log);
    $t.syncEvents();
    while (queue._failedBatch.length === 0) await new Promise((done) => setTimeout(done, 20));
    $t.config.authtoken = TALLY_KEY;
  },

  // An event that can't be stored among others, then a further batch.
  async faulty() {
    $t.initialize({ ...config, batchsize: 3 });
    $t.log(arguments_.log);
    $t.interact({ subtype: 'no type, no id' });
    $t.search(arguments_.search);
    $t.interrupt(arguments_.interrupt);
    $t.syncEvents();
  },

  // What the SDK says of an application that was given no key.
  async keyless() {
    $t.initialize({ ...config, authtoken: '' });
    $t.log(arguments_.log);
    $t.syncEvents();
    while (queue._failedBatch.length === 0) await new Promise((done) => setTimeout(done, 20));
    clearTimeout(queue._retryTimeout);
  },
};

await scenarios[process.argv[2]]();
// Node comes here once nothing is on its way and no timer runs: the SDK is done, or has given up.
process.on('exit', () => {
  const state = { waiting: queue._teleData.length, failed: queue._failedBatch.length, attempts: queue._retryAttempts };
  process.stdout.write(`\n${JSON.stringify(state)}\n`);
});

// Sunbird's SDK under Node, as a service uses it: one of the scenarios below, by name.
import { $t } from '@project-sunbird/telemetry-sdk';

const { TALLY_URL, TALLY_KEY } = process.env;
const config = {
  pdata: { id: 'sunbird.portal', ver: '3.1', pid: 'sunbird.player' },
  env: 'contentplayer',
  channel: '0126796199493140480',
  did: 'c270f15d-5230-4954-92aa-d239e4281cc4',
  sid: 'do5R9s4k',
  uid: '874ed8a5-782e-4f6c-8f36-e0288455901e',
  authtoken: TALLY_KEY,
  host: TALLY_URL,
  endpoint: '/data/v3/telemetry',
  tags: ['lesson'],
  cdata: [{ type: 'worksheet', id: 'do_3123' }],
  rollup: { l1: 'root', l2: 'school' },
};

// The arguments are those of the published event page.
const arguments_ = {
  impression: { type: 'view', subtype: 'paginate', pageid: 'splash', uri: '/app/splash', itype: 'autoload', stageto: 'home',
    visits: [{ objid: 'do_1', objtype: 'Content', objver: '1', section: 'top', index: 0 }] },
  interact: { type: 'TOUCH', subtype: 'fling', id: 'button-7', pageid: 'splash', target: { id: 'next', ver: '1', type: 'Button' },
    plugin: { id: 'org.ekstep.player', ver: '1.0', category: 'core' },
    extra: { pos: [{ x: 12.5, y: 3, z: 0 }], values: [{ key: 'value' }], tid: 't1', uri: '' } },
  assess: { item: { id: 'q1', maxscore: 5, exlength: 30, params: [{ key: 'a' }], uri: '', desc: 'नमस्ते', title: 'Sum', mmc: [], mc: ['C4'] },
    index: 1, pass: 'Yes', score: 0.75, resvalues: [{ ans1: '10' }], duration: 4.5 },
  response: { target: { id: 'q1', ver: '1.0', type: 'Question', parent: { id: 'do_2', type: 'Quiz' } }, qid: 'q1', type: 'CHOOSE', values: [{ key: 'option1' }] },
  interrupt: { type: 'BACKGROUND', pageid: 'home' },
  feedback: { rating: 4, commentid: 'c1', commenttxt: 'Good – “really” 👍' },
  share: { dir: 'In', type: 'File', items: [{ id: 'do_9', type: 'Content', ver: '2.0', params: [{ transfers: 0 }],
    origin: { id: 'device1', type: 'Device' }, to: { id: '', type: '' } }] },
  audit: { edata: { props: ['name', 'status'], state: 'Live', prevstate: 'Review' } },
  error: { err: '404', errtype: 'SYSTEM', stacktrace: 'at x\n\tat y', pageid: 'home' },
  heartbeat: { edata: { interval: 30 } },
  log: { type: 'api_call', level: 'INFO', message: 'done', pageid: 'home', params: [{ status: 200 }] },
  search: { type: 'content', query: 'lion', filters: { grade: ['1'] }, sort: {}, correlationid: 'x', size: 333, topn: [{ id: 'do_1' }] },
  metrics: { edata: { system: 'portal', subsystem: 'search', metrics: [{ metric: 'count', value: 12.25 }] } },
  exdata: { type: 'partner', data: 'Zm9v', note: null },
  summary: { edata: { type: 'session', mode: 'play', starttime: 1700000000000, endtime: 1700000060000, timespent: '60', pageviews: 3, interactions: 7,
    envsummary: [{ env: 'player', timespent: 60, visits: 1 }] } },
};

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

// Availity's client under Node, where there is no beacon and axios posts the form.
import { AvTelemetryApi } from '@availity/api-axios';
import axios from 'axios';

// The client asks the navigator for a beacon; Node 20 has no navigator at all.
globalThis.navigator ??= {};

const { TALLY_URL, TALLY_KEY, AVAILITY_CORE = '@availity/analytics-core' } = process.env;
const { AvAnalytics, AvTelemetryAnalytics } = await import(AVAILITY_CORE);
const name = 'spc/analytics/telemetry';

const apis = {
  // The key in the resource's name, which is all that a page can do.
  resource: () => new AvTelemetryApi({ name: `${name}?key=${TALLY_KEY}`, http: axios.create({ baseURL: TALLY_URL }) }),
  // The key in a header, which only a program can send.
  header: () => new AvTelemetryApi({ name, http: axios.create({ baseURL: TALLY_URL, headers: { 'X-API-Key': TALLY_KEY } }) }),
};

const api = apis[process.argv[2]]();
const plugin = new AvTelemetryAnalytics(api, true, 'claim-status', 'claims@example.com', 'Payments', 'session-1');
const analytics = new AvAnalytics(plugin, Promise, false, false);

const outcomes = [];
for (const properties of JSON.parse(process.argv[3])) {
  const sending = properties === 'page view' ? analytics.trackPageView('https://app.example/#claims') : analytics.trackEvent(properties);
  outcomes.push(await sending.then(([answer]) => ({ status: answer.status, data: answer.data }), (error) => ({ status: error.response?.status, data: error.response?.data })));
}
process.stdout.write(`\n${JSON.stringify(outcomes)}\n`);

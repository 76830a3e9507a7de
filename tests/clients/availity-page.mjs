// Availity's client as an application bundles it: the autotracker reports clicks by beacon.
import { AvAnalytics, AvTelemetryAnalytics } from '@availity/analytics-core';
import { AvTelemetryApi } from '@availity/api-axios';

window.begin = (url, key) => {
  const api = new AvTelemetryApi({ url, name: `spc/analytics/telemetry?key=${key}` });
  const plugin = new AvTelemetryAnalytics(api, true, 'claim-status', 'claims@example.com', 'Payments', 'session-1');
  window.analytics = new AvAnalytics(plugin);
  window.analytics.init();
};

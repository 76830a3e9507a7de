// What tracing libraries add to the requests of a page: the headers of OpenTelemetry, Zipkin, Sentry, Datadog and New Relic.
(() => {
  const added = {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'vendor=value',
    baggage: 'sentry-environment=production',
    b3: '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1',
    'sentry-trace': '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1',
    'x-datadog-trace-id': '1',
    'x-datadog-parent-id': '2',
    'x-datadog-origin': 'rum',
    'x-datadog-sampling-priority': '1',
    newrelic: 'e30=',
    'cache-control': 'no-cache',
  };
  const { fetch } = window;
  window.fetch = (input, options = {}) => {
    const headers = new Headers(options.headers ?? (input instanceof Request ? input.headers : {}));
    for (const [name, value] of Object.entries(added)) headers.set(name, value);
    return fetch(input, { ...options, headers });
  };
  const { send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.send = function (body) {
    for (const [name, value] of Object.entries(added)) this.setRequestHeader(name, value);
    return send.call(this, body);
  };
})();

// An encoder of Buildless's events that is not Python's: JSON, query parameters, or protobuf.js from our .proto.
import protobuf from 'protobufjs';

function* parameters(value, path = '') {
  for (const [key, below] of Object.entries(value)) {
    const name = `${path}${key === '@type' ? 'typeUrl' : key}`;
    if (typeof below === 'object') yield* parameters(below, `${name}.`);
    else yield [name, String(below)];
  }
}

// An object's own copy: proto3 JSON writes an Any of a type that is not known here in its own way.
function plain(event) {
  const made = structuredClone(event);
  const { '@type': type_url, value } = made.event.data;
  made.event.data = { type_url, value };
  return made;
}

export async function emit({ url, key, encoding, event, proto }) {
  const { root } = protobuf.parse(proto);
  root.addJSON(protobuf.common.get('google/protobuf/any.proto').nested);
  const Event = root.lookupType('tally.buildless.Event');
  const EventID = root.lookupType('tally.buildless.EventID');
  const requests = {
    json: () => ['', { 'Content-Type': 'application/json' }, JSON.stringify(event)],
    query: () => [`?${new URLSearchParams([...parameters(event)])}`, {}, undefined],
    protobuf: () => ['', { 'Content-Type': 'application/x-protobuf' }, Event.encode(Event.fromObject(plain(event))).finish()],
  };
  const [query, headers, body] = requests[encoding]();
  const answer = await fetch(`${url}/v1/telemetry/event:emit${query}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, ...headers },
    body,
  });
  const type = answer.headers.get('content-type');
  const reply = encoding === 'protobuf'
    ? EventID.toObject(EventID.decode(new Uint8Array(await answer.arrayBuffer())))
    : await answer.json();
  return { status: answer.status, type, reply };
}

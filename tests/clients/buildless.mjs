// An encoder of Buildless's events that is not Python's: protobuf.js from our .proto, posted by Node.
import protobuf from 'protobufjs';

const { TALLY_URL, TALLY_KEY, TALLY_PROTO, TALLY_EVENT } = process.env;
const root = await protobuf.load(TALLY_PROTO);
const Event = root.lookupType('tally.buildless.Event');
const EventID = root.lookupType('tally.buildless.EventID');

const made = JSON.parse(TALLY_EVENT);
// proto3 JSON writes an Any of a type that is not known here in its own way.
const { '@type': type_url, value } = made.event.data;
made.event.data = { type_url, value };

const answer = await fetch(`${TALLY_URL}/v1/telemetry/event:emit`, {
  method: 'POST',
  headers: { Authorization: `Bearer ${TALLY_KEY}`, 'Content-Type': 'application/x-protobuf' },
  body: Event.encode(Event.fromObject(made)).finish(),
});
const reply = EventID.toObject(EventID.decode(new Uint8Array(await answer.arrayBuffer())));
process.stdout.write(`\n${JSON.stringify({ status: answer.status, type: answer.headers.get('content-type'), reply })}\n`);

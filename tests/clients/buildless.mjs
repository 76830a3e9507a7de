// Buildless's events under Node.
import { readFileSync } from 'node:fs';
import { emit } from './buildless-emit.mjs';

const { TALLY_URL, TALLY_KEY, TALLY_PROTO, TALLY_EVENT } = process.env;
const answer = await emit({
  url: TALLY_URL,
  key: TALLY_KEY,
  encoding: process.argv[2] ?? 'protobuf',
  event: JSON.parse(TALLY_EVENT),
  proto: readFileSync(TALLY_PROTO, 'utf8'),
});
process.stdout.write(`\n${JSON.stringify(answer)}\n`);

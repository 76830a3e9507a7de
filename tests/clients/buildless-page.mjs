// Buildless's events from a page.
import { emit } from './buildless-emit.mjs';

window.emit = emit;

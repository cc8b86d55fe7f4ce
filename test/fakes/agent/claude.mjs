#!/usr/bin/env node
// A stand-in for Claude Code in a terminal: a real program without a model. What it does is scripted by markers in its
// prompts (script.mjs); what can be seen of it from outside (arguments, dialogs, hooks, transcript, state file, screen,
// keys) is as it was measured on version 2.1.329.
import { appendFileSync } from 'node:fs';

const log = process.env.FAKE_AGENT_STARTS;
if (log) appendFileSync(log, `${JSON.stringify({ at: Date.now(), pid: process.pid, argv: process.argv.slice(2) })}\n`);

const { main } = await import('./main.mjs');
await main(process.argv.slice(2));

// Starts dmwake and calls its API. Copy this file into your tests.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const binary = process.env.DMWAKE ?? 'dmwake';

// start starts a dmwake command that serves until stop(). ready has its addresses.
export async function start(args, env = {}, limit = 60_000) {
  const dir = mkdtempSync(join(tmpdir(), 'dmwake-'));
  const file = join(dir, 'ready.json');
  const log = join(dir, 'log');
  const out = openSync(log, 'w');
  const child = spawn(binary, [...args, '--ready', file], { env: { ...process.env, ...env }, stdio: ['ignore', out, out] });
  const ended = new Promise((resolve) => child.once('exit', resolve).once('error', resolve));
  let over = false;
  ended.then(() => { over = true; });
  for (const end = Date.now() + limit; !existsSync(file); await setTimeout(20)) {
    if (over || Date.now() > end) {
      throw new Error(`dmwake ${args[0]} is not ready:\n${readFileSync(log, 'utf8')}`);
    }
  }
  return {
    ready: JSON.parse(readFileSync(file, 'utf8')),
    async stop() {
      child.kill();
      await ended;
      rmSync(dir, { recursive: true });
    },
  };
}

// startLab gives the lab of DMWAKE_READY if that is set, or starts one.
export async function startLab(caDir) {
  const joined = process.env.DMWAKE_READY;
  const lab = joined
    ? { ready: JSON.parse(readFileSync(joined, 'utf8')), stop: async () => {} }
    : await start(['lab', '--wns-listen', 'auto', '--proxy', 'auto', '--control', 'auto', '--ca-dir', caDir]);
  const token = process.env.DMWAKE_CONTROL_TOKEN;

  // call is one call of the API; an error has the lab's words.
  lab.call = async (method, path, body) => {
    const headers = { ...(body && { 'Content-Type': 'application/json' }), ...(token && { Authorization: `Bearer ${token}` }) };
    const answer = await fetch(lab.ready.control + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
  // namespace is a name for what one test makes; tests that run at the same time do not meet.
  lab.namespace = () => `js-${randomUUID().slice(0, 12)}`;
  return lab;
}

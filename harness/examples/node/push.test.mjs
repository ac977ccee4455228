// A push makes a device fetch its work. The server is the reference server; start yours instead.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { start, startLab } from './dmwake.mjs';

const locURI = './Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength';
const caDir = mkdtempSync(join(tmpdir(), 'ca-'));
let lab, server, namespace, device;

before(async () => {
  lab = await startLab(caDir);
  // The environment has CA and proxy, so that the server reaches the lab's WNS.
  server = await start(['mdm', '--listen', 'auto', '--admin', 'auto', '--ca-dir', dirname(lab.ready.ca)], { ...lab.ready.env, DMWAKE_PASSWORD: 'demo' });
});

after(async () => {
  await server?.stop();
  await lab?.stop();
  rmSync(caDir, { recursive: true });
});

// An enrolled device with a channel.
beforeEach(async () => {
  namespace = lab.namespace();
  const { discovery, ca, username } = server.ready;
  device = (await lab.call('POST', '/v1/devices', {
    namespace, key: 'ec', server: { discovery, ca: readFileSync(ca, 'utf8') }, enroll: { username, password: 'demo' },
  })).id;
  await lab.call('POST', `/v1/devices/${device}/enroll`);
  await lab.call('POST', `/v1/devices/${device}/wait`, { for: 'channel' });
  await lab.call('POST', `/v1/devices/${device}/sync`); // the server learns the channel
});

afterEach(async () => {
  const removed = await lab.call('DELETE', `/v1/namespaces/${namespace}`);
  assert.equal(removed.devices, 1);
});

async function admin(path, body) {
  const answer = await fetch(server.ready.admin + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.text()}`);
}

test('a push delivers the policy', async () => {
  await admin(`/devices/${device}/commands`, { verb: 'Replace', locURI, format: 'int', data: '8' });
  await admin(`/devices/${device}/push`);

  const came = await lab.call('POST', `/v1/devices/${device}/wait`, { for: 'session', origin: 'push', timeout: '30s' });
  const command = came.session.commands.find((c) => c.locURI === locURI);
  assert.equal(command?.code, 200);

  const [node] = await lab.call('GET', `/v1/devices/${device}/tree?locURI=${encodeURIComponent(locURI)}`);
  assert.equal(node.data, '8');
  const sent = await lab.call('GET', `/v1/journal?device=${device}`);
  assert.ok(sent.length > 0);
  assert.deepEqual(sent.flatMap((entry) => entry.violations), []);
});

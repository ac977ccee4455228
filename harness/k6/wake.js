// One process's part of a load: enroll devices, wait for the common start, wake them by
// push, and let them poll. Environment variables configure it (README).
import dmwake from 'k6/x/dmwake';

const env = (name, otherwise) => __ENV[name] || otherwise;
const poll = env('POLL', '');
const rate = env('RATE', poll === '' ? '20' : '0');

function startAt() {
  const at = env('START_AT', '');
  if (at === '') return 0;
  const ms = /^\d+$/.test(at) ? Number(at) : Date.parse(at);
  if (!ms) throw new Error(`START_AT ${at} is neither a time, such as 2030-01-31T12:00:00Z, nor milliseconds since 1970`);
  return ms;
}

export const options = {
  scenarios: {
    // One VU drives all devices of a process. k6 distributes the VUs.
    fleet: { executor: 'per-vu-iterations', vus: Number(env('INSTANCES', 1)), iterations: 1, maxDuration: '24h' },
  },
  // For this process only. dmwake load verify judges all processes together.
  thresholds: {
    dmwake_started: ['count>0'],
    dmwake_lost: ['count==0'],
    ...(poll === '' ? {} : { 'dmwake_started{part:poll}': ['count>0'] }),
  },
};

function line(name, r) {
  return `${name}: ${r.done} of ${r.started} done, ${r.lost} lost, ${r.failed} failed, p99 ${r.stages.whole ? r.stages.whole.p99 : '-'} ms`;
}

export default async function () {
  const fleet = await dmwake.open({
    devices: Number(env('DEVICES', 100)),
    config: env('CONFIG', ''),
    seed: Number(env('SEED', 1)),
    sender: env('SENDER', ''),
    work: env('WORK', 'none'),
    key: env('KEY', 'ec'),
    resident: env('RESIDENT', '') === 'true',
    unscheduled: poll !== '',
    rehearse: env('REHEARSE', '') === 'true',
    result: env('RESULT', ''),
  });
  const r = await fleet.rate(rate, env('DURATION', '30s'), {
    poll: poll,
    warmup: env('WARMUP', ''),
    poisson: env('POISSON', '') === 'true',
    startAt: startAt(),
  });
  console.log(line(`${fleet.devices.length} devices`, r));
  if (poll !== '') for (const part in r.parts) console.log(line(part, r.parts[part]));
  await fleet.close();
}

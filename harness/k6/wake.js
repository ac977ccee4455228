// One process's part of a load: it enrolls its devices, waits for the common start,
// and wakes them by push. Everything is set by the environment (README).
import dmwake from 'k6/x/dmwake';

const env = (name, otherwise) => __ENV[name] || otherwise;

function startAt() {
  const at = env('START_AT', '');
  if (at === '') return 0;
  const ms = /^\d+$/.test(at) ? Number(at) : Date.parse(at);
  if (!ms) throw new Error(`START_AT ${at} is no time, such as 2030-01-31T12:00:00Z, and no milliseconds since 1970`);
  return ms;
}

export const options = {
  scenarios: {
    // One VU drives all devices of a process; k6 deals VUs out to the processes.
    fleet: { executor: 'per-vu-iterations', vus: Number(env('INSTANCES', 1)), iterations: 1, maxDuration: '24h' },
  },
  // Of this process alone; dmwake load verify judges the whole.
  thresholds: { dmwake_started: ['count>0'], dmwake_lost: ['count==0'] },
};

export default async function () {
  const fleet = await dmwake.open({
    devices: Number(env('DEVICES', 100)),
    config: env('CONFIG', ''),
    seed: Number(env('SEED', 1)),
    sender: env('SENDER', ''),
    work: env('WORK', 'none'),
    key: env('KEY', 'ec'),
    resident: env('RESIDENT', '') === 'true',
    rehearse: env('REHEARSE', '') === 'true',
    result: env('RESULT', ''),
  });
  const r = await fleet.rate(env('RATE', '20'), env('DURATION', '30s'), {
    warmup: env('WARMUP', ''),
    poisson: env('POISSON', '') === 'true',
    startAt: startAt(),
  });
  console.log(`${fleet.devices.length} devices: ${r.done} of ${r.started} done, ${r.lost} lost, ${r.failed} failed, p99 ${r.stages.whole ? r.stages.whole.p99 : '-'} ms`);
  await fleet.close();
}

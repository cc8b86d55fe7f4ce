import { describe, expect, it } from 'vitest';
import { Event } from '../../../src/runtime/model/event.ts';
import { foldProfile, type ProfileEvent, type ProfileRecord } from '../../../src/runtime/model/profile.ts';

const of = (profile: string, agent = 'claude') => ({ agent, profile });
const paused = (profile: string, until?: number): ProfileEvent => ({
  ...{ type: 'profile_paused', ...of(profile), why: 'limit', reason: 'weekly limit' },
  ...(until !== undefined && { until }),
});
const chosen = (profile: string, agent?: string): ProfileEvent => ({ type: 'profile_chosen', ...of(profile, agent) });
const resumed = (profile: string): ProfileEvent => ({ type: 'profile_resumed', ...of(profile) });

function known(...events: ProfileEvent[]): Record<string, ProfileRecord> {
  const profiles = new Map<string, ProfileRecord>();
  for (const [n, event] of events.entries()) foldProfile(profiles, event, 100 + n);
  return Object.fromEntries(profiles);
}

describe('what is known of an account', () => {
  it('is its last pause', () => {
    const pause = { at: 101, why: 'limit', reason: 'weekly limit', until: 900 };
    expect(known(paused('work'), paused('work', 900))).toEqual({
      'claude/work': { agent: 'claude', name: 'work', chosen: false, paused: pause },
    });
  });

  it('is forgotten when it is resumed', () => {
    expect(known(paused('work', 900), resumed('work'))).toEqual({});
    expect(known(chosen('work'), paused('work'), resumed('work'))).toEqual({
      'claude/work': { agent: 'claude', name: 'work', chosen: true },
    });
  });

  it('says whether it is the chosen one, of which each agent has one at most', () => {
    const profiles = known(paused('work', 900), chosen('work'), chosen('main', 'codex'), chosen('spare'));
    expect(Object.entries(profiles).filter(([, { chosen }]) => chosen)).toEqual([
      ['codex/main', expect.anything()],
      ['claude/spare', expect.anything()],
    ]);
    expect(profiles['claude/work']?.paused?.until).toBe(900);
    expect(known(chosen('work'), chosen('spare'))).not.toHaveProperty('claude/work');
  });

  it('reads a pause that does not say why as a person’s', () => {
    const said = { type: 'profile_paused', ...of('work'), reason: 'because' };
    expect(Event.parse(said)).toEqual({ ...said, why: 'person' });
  });
});

import type { Answer, Report } from '../agent.ts';
import type { HeadlessAgent } from '../headless.ts';
import { hookAnswer } from './answer.ts';
import { headlessCompose, headlessInterrupt, headlessMessage } from './headless-compose.ts';
import { headlessJudge } from './headless-judge.ts';
import { HeadlessReader } from './headless-reader.ts';
import { hear } from './hear.ts';

/** Claude Code without a terminal, as measured on 2.1.329. */
export const claudeHeadless: HeadlessAgent = {
  program: 'claude',
  keeps: ['continues', 'permission_mode', 'allowed_tools', 'budget_usd', 'max_turns'],
  compose: headlessCompose,
  reader: () => new HeadlessReader(),
  judge: headlessJudge,
  message: headlessMessage,
  interrupt: headlessInterrupt,
  request(report) {
    const heard = hear(report)?.heard;
    if (heard?.kind !== 'asks') return undefined;
    const { kind: _, ...asked } = heard;
    return asked;
  },
  answer,
};

/** Nobody stands at a screen: an answer that decides nothing would leave it waiting. */
function answer(report: Report, given: Answer): string {
  const asked = hear(report)?.heard;
  const isQuestion = asked?.kind === 'asks' && asked.questions !== undefined;
  const decides = !isQuestion || 'answers' in given || given.decision === 'deny';
  return (decides && hookAnswer(report, given)) || hookAnswer(report, UNFIT);
}

const UNFIT = { decision: 'deny', reason: 'The answer that was given does not fit what was asked.' } as const;

import { isRefusal, type Refusal } from '../runtime/model/refusal.ts';

/** For `filter`: keeps what was accepted. */
export function notRefused<T>(value: T | Refusal): value is T {
  return !isRefusal(value);
}

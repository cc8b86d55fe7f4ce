import { createContext, Script } from 'node:vm';
import type { Patterns } from '../ports.ts';

const TIMEOUT_MS = 500;

/**
 * A pattern may take time without end on a text that somebody chose for it, and nothing but the engine's own clock stops
 * it. Only this one line runs there; pattern and text come in as texts.
 */
const LOOK = new Script("new RegExp(pattern, 'u').test(text)");

export const patterns: Patterns = {
  matcher() {
    const names: Record<string, string> = Object.create(null);
    const context = createContext(names);
    let left = TIMEOUT_MS;
    return (pattern, text) => {
      if (left < 1) return undefined;
      const begun = performance.now();
      Object.assign(names, { pattern, text });
      try {
        return LOOK.runInContext(context, { timeout: Math.ceil(left) }) === true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
        throw error;
      } finally {
        left -= performance.now() - begun;
      }
    };
  },
};

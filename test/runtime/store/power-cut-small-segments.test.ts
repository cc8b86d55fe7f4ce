import { powerCutHistories } from './power-cut/histories.ts';

// The journal rotates after a few records: snapshots, carried bodies and dropped segments are part of every history.
powerCutHistories(4_096);

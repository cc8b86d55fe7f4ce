// node bench/measure.mjs scale|day|watches|delegation|sinks '<json>': the figures of one bench as JSON, for those who judge them.
import { measureDay } from './day.mjs';
import { measureDelegation } from './delegation.mjs';
import { measureScale } from './scale.mjs';
import { measureSinks } from './sinks.mjs';
import { measureWatches } from './watches.mjs';

const MEASURES = {
  scale: measureScale,
  day: measureDay,
  watches: measureWatches,
  delegation: measureDelegation,
  sinks: measureSinks,
};
const [name, given = '{}'] = process.argv.slice(2);
console.log(JSON.stringify(await MEASURES[name](JSON.parse(given))));

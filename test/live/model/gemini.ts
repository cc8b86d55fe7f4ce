import { type Answer, type Asked, type Dialect, type Json, list, type Reply, textOf } from './script.ts';

/** The generateContent API, as far as Gemini CLI needs it. */
export const gemini: Dialect = {
  asked(body): Asked | undefined {
    const tools = list(body.tools).flatMap(({ functionDeclarations }) => list(functionDeclarations));
    if (tools.length === 0) return undefined;
    const contents = list(body.contents);
    const system = body.systemInstruction as Json | undefined;
    return {
      tools: tools.map(({ name, description, parametersJsonSchema, parameters }) => ({
        name: String(name),
        description: String(description ?? ''),
        schema: parametersJsonSchema ?? parameters,
      })),
      words: [textOf(system?.parts), ...contents.map(({ parts }) => textOf(parts))].join('\n'),
      answers: contents.flatMap(({ parts }) => list(parts)).flatMap(answer),
    };
  },
  stream(reply) {
    const candidate = { content: { role: 'model', parts: [part(reply)] }, finishReason: 'STOP', index: 0 };
    const usageMetadata = { promptTokenCount: 100, candidatesTokenCount: 10, totalTokenCount: 110 };
    return `data: ${JSON.stringify({ candidates: [candidate], usageMetadata, modelVersion: 'scripted' })}\r\n\r\n`;
  },
};

function part(reply: Reply): Json {
  return 'say' in reply ? { text: reply.say } : { functionCall: { name: reply.call, args: reply.with } };
}

function answer({ functionResponse }: Json): Answer[] {
  if (typeof functionResponse !== 'object' || functionResponse === null) return [];
  const { response } = functionResponse as { response?: { output?: unknown; error?: unknown } };
  const { output, error } = response ?? {};
  return [{ text: String(error ?? output ?? JSON.stringify(response)), isError: error !== undefined }];
}

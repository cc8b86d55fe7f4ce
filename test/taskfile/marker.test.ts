import { describe, expect, it } from 'vitest';
import { AttemptFile, Marker, ProjectFile, readJson, writeJson } from '../../src/runtime/taskfile/marker.ts';

const read = (text: string) => readJson(Marker, Buffer.from(text));

describe('the JSON files beside the tasks', () => {
  it('are read as they were written', () => {
    const marker = {
      project: 'shop',
      task_file: 'a.md',
      job_id: 'j',
      provider: 'p',
      started_at: 'now',
      attempt: 2,
      idempotency_key: 'k',
    };
    expect(readJson(Marker, writeJson(marker))).toEqual(marker);
    const attempt = { epoch: 'e', attempt: 1, run_dir: '/r' };
    expect(readJson(AttemptFile, writeJson(attempt))).toEqual(attempt);
    const project = ProjectFile.parse({ project_id: 'p_0123456789ab', epoch: 'e', last_seq: 9 });
    expect(readJson(ProjectFile, writeJson(project))).toEqual(project);
  });

  it('of the seeds lack attempt and key, and may tell the time in seconds', () => {
    expect(
      read('{"project":"shop","task_file":"a.md","job_id":17,"provider":"gemini","started_at":1767323045.5}'),
    ).toEqual({
      ...{
        project: 'shop',
        task_file: 'a.md',
        job_id: '17',
        provider: 'gemini',
        started_at: '2026-01-02T03:04:05.500Z',
      },
    });
    expect(read('{"job_id": null, "provider": "", "extra": 1}')).toEqual({ project: '', task_file: '' });
  });

  it.each(['', '{', 'null', '[]', '17', '{"job_id": {}}', '{"started_at": 1e300}'])(
    'that are torn or something else are none: %j',
    (text) => expect(read(text)).toBeUndefined(),
  );
});

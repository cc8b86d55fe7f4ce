/** The command that calls each tool. A test compares it with the list of tools. */
export const commandFor: Readonly<Record<string, string>> = {
  enqueue_task: 'enqueue',
  list_tasks: 'list',
  job_status: 'show',
  cancel_task: 'cancel',
  retry_task: 'retry',
  list_sessions: 'sessions',
  read_session: 'read',
  message_session: 'send',
  answer_request: 'answer',
  decide_route: 'route',
  delegate: 'delegate submit',
  fleet_status: 'status',
  pause_work: 'pause',
};

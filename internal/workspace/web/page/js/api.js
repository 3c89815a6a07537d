// Calls to the simulator's control API (/sim). Every failure becomes an Error
// with `code` (snake_case) and a `message` that a person can read.

export class APIError extends Error {
  constructor(code, message, body) {
    super(message);
    this.code = code;
    this.body = body;
  }
}

async function request(method, path, body) {
  const init = {method, headers: {Accept: 'application/json'}};
  if (body !== undefined) {
    init.headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new APIError('unreachable', 'The simulator does not answer. Is it still running?');
  }
  let answer;
  try {
    answer = await response.json();
  } catch {
    throw new APIError('bad_answer', `The simulator answered ${response.status} without a readable body.`);
  }
  if (answer.ok === false || !response.ok) {
    throw new APIError(answer.error || `http_${response.status}`, answer.message || explain(answer.error), answer);
  }
  return answer;
}

function explain(code) {
  return code ? `The simulator refused: ${String(code).replaceAll('_', ' ')}.` : 'The simulator refused.';
}

const query = (params) => {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== '' && value !== null);
  return given.length ? `?${new URLSearchParams(given)}` : '';
};

export const get = (path, params = {}) => request('GET', `/sim/${path}${query(params)}`);
export const post = (path, body) => request('POST', `/sim/${path}`, body);
export const remove = (path) => request('DELETE', `/sim/${path}`);
export const eventsURL = (as) => `/sim/events${query({as})}`;

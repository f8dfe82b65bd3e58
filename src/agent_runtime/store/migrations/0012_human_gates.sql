-- What a request shows of its why, and what its answers and the calls they let run are found by.

alter table par.human_requests add column details json;
create index human_requests_inbox on par.human_requests (tenant_id, created_at desc, request_id desc) where state = 'open';
create index human_requests_of_task on par.human_requests (tenant_id, task_id, created_at);

-- The answer that let a call run, and the checksum of its recorded result.
alter table par.tool_calls add column request_id uuid, add column checksum integer;

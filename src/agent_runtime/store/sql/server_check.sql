-- name: get_durability
-- Whether the server syncs what it commits.
select current_setting('fsync') = 'on' as fsync,
       current_setting('synchronous_commit') as synchronous_commit;

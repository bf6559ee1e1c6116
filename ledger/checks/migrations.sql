-- The schema was made by the SQL files of this program, which the audit passes as a setting.
SELECT 'schema', coalesce(f.package, m.package) || '/schema/' || coalesce(f.file, m.file),
       CASE WHEN m.file IS NULL THEN 'was not applied to this database'
            WHEN f.file IS NULL THEN 'was applied to this database and is gone'
            ELSE 'is not the file that was applied to this database' END
  FROM json_to_recordset(current_setting('tranche.schema_files')::json) AS f (package text, file text, sha256 text)
  FULL JOIN ledger.migrations m USING (package, file)
 WHERE f.sha256 IS DISTINCT FROM m.sha256

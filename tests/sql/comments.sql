-- Every object has a comment, and each is one line.
CREATE VIEW object AS
SELECT d.classid, d.objid, d.objsubid, o.type, o.identity, obj_description(d.objid, d.classid::regclass::name) AS comment
  FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) o
 WHERE e.extname = 'pg_categorize';
SELECT type, identity AS without_comment FROM object WHERE comment IS NULL AND NOT (type = 'type' AND identity LIKE '%[]')
   AND type IN ('function', 'table', 'view', 'sequence', 'type', 'composite type', 'schema', 'aggregate', 'operator') 
   AND NOT EXISTS (SELECT FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid WHERE classid = 'pg_type'::regclass AND t.oid = objid AND c.relkind <> 'c')
   AND NOT EXISTS (SELECT FROM pg_class c WHERE classid = 'pg_class'::regclass AND c.oid = objid AND c.relkind = 'c') ORDER BY 1, 2;
SELECT type, identity AS not_one_line FROM object WHERE comment ~ '\n' OR comment !~ '\S.*\.$' ORDER BY 1, 2;
SELECT obj_description(oid, 'pg_extension') AS extension FROM pg_extension WHERE extname = 'pg_categorize';
SELECT attname AS decision_column_without_comment FROM pg_attribute
 WHERE attrelid = 'categorize.decision'::regclass AND col_description(attrelid, attnum) IS NULL;
DROP VIEW object;

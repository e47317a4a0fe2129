"""One file a row of the table: `run(case)` breaks something and notes what came through."""

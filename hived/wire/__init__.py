"""Everything that crosses a socket or a file between the programs: models, codes, paths, schemas. Import its modules."""

from helpers.made_records import records, save

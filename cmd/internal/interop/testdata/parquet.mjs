// Sums up Parquet files with hyparquet: the price of the customer and the
// number of rows of each file, as exact integers of the decimal.
import { readFileSync } from 'node:fs'
import { parquetReadObjects, parquetMetadata } from 'hyparquet'

let rows = 0
let micros = 0n
for (const name of process.argv.slice(2)) {
  const b = readFileSync(name)
  const file = b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength)
  const column = parquetMetadata(file).schema.find((s) => s.name === 'price')
  if (column.converted_type !== 'DECIMAL' && column.logical_type?.type !== 'DECIMAL' || column.scale !== 6) {
    throw new Error('price is ' + JSON.stringify(column))
  }
  for (const row of await parquetReadObjects({ file })) {
    rows++
    micros += BigInt(Math.round(row.price * 1e6))
  }
}
console.log(`${rows} ${micros}`)
